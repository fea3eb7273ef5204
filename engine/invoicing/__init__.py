"""Invoices: the frozen rows, their legal numbers, their printed documents, and what can be printed at all."""
