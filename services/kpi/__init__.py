"""The KPI view: exact, live and explainable numbers of every unit, from the submissions log.

Owns: catalogue versions, views (cells, works, progress), targets; database `kieng_kpi`.
Consumes: `kieng.submissions.v1` (aggregator), `kieng.directory.v1` (aggregator).
Publishes: `kieng.kpi.v1`.
Serves: KpiService, CatalogueService, TargetService (query).

Two processes: `kpi.aggregator` folds the log into cells, one owner per partition; `kpi.query`
answers from memory, any number of replicas. A view is a pure function of log, catalogue and fold.
"""
