"""From a head to a lead field."""
