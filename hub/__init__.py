"""A class on JupyterHub: `python -m hub` starts one."""
