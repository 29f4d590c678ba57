"""The server of a board: submissions in, sealed runs, a public ledger and a ranking out (extra ``board``)."""
