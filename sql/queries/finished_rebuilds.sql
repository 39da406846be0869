-- Complete rebuilds of which nothing waits or is in a builder's hands any more.
SELECT r.document, r.queued_at::text
FROM projector.rebuild r
WHERE NOT EXISTS (
    SELECT FROM projector.backlog b WHERE b.document = r.document AND b.queued_at <= r.queued_at)
