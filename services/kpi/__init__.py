"""The KPI service: exact, live and explainable numbers of every unit, computed from submissions.

Owns: catalogue versions, views (cells, works, progress), targets, editions; database `kieng_kpi`.
Consumes: `kieng.submissions.v1` and `kieng.directory.v1` (aggregator). Publishes: `kieng.kpi.v1`
(query). Serves: KpiService, CatalogueService, TargetService, EditionService, ParkedService (query).

It has two processes. `kpi.aggregator` folds the log into cells and may run several times, with one
owner per partition. `kpi.query` answers from memory, with any number of replicas. A view is a pure
function of log, catalogue version and fold version.
"""
