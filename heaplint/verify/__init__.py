"""Built extension modules, loaded in processes of their own, confirm or refute what the source says."""
