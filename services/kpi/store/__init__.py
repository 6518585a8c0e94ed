"""The MongoDB database `kieng_kpi`: views, catalogues, targets, kept days and editions."""
