"""Invented invoices in four languages, and the gallery that shows them. Every sum is right."""
