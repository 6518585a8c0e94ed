"""What a KPI number is. Pure: no clock, no input or output, nothing but the standard library."""
