"""What scripts and notebooks call: results that show themselves, as tables, pictures and pages."""
