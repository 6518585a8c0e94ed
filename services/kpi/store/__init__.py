"""Where the view is kept: MongoDB database `kieng_kpi`."""
