"""What an audit finds, as frozen values: no printing, no files, no command line."""
