"""Events as they come: MQTT, Kafka and webhooks → batches → bronze, each event once.

A `Feed` (one module here for each way in) gives the events of one source table in an order that
it can go back to, and numbers for where it is. `Batches` writes them: one Delta commit holds the
rows and those numbers, so that after a kill -9 a feed goes on exactly where bronze is. What a
sender forgets once it is acknowledged lies in a `Spool` on this machine's disk until bronze has it.
"""
