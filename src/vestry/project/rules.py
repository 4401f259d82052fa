def row_condition(query, table, column): return None
