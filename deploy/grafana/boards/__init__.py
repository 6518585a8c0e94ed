"""The four dashboards, one module each; `dashboards.py` writes them."""
