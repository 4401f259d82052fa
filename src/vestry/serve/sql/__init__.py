"""Questions in SQL over the web: `POST /api/sql` for programs; the page of the portal is `portal/sql.py`."""
