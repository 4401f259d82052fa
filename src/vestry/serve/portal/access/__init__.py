"""Access: asking for data, answering who asks, what one may read, and the audit."""

from vestry.serve.portal.access import answering, asking, mine, trail

routes = [*asking.routes, *mine.routes, *answering.routes, *trail.routes]
