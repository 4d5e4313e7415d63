"""Pages for a terminal, a program, a spreadsheet or a browser."""
