"""Lead fields of other programs: readers, and a test of units and frames."""
