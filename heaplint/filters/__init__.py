"""What stands between the findings of the checks and the report: selection, suppression, baseline."""
