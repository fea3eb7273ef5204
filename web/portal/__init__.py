"""The customer's own pages: services, change of plan, invoices. Server-rendered; JavaScript is not needed."""
