"""How answers show people, for the gate and for the audit, whichever door they go out of."""

#: The column by which people are known, where a table has it.
PERSON = "person_id"
#: An answer of more rows than these does not name the people that it shows one by one in the audit.
NAMED = 1_000
