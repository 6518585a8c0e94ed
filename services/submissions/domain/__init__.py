"""The rules of submissions: values in, values out; no clock, no I/O."""
