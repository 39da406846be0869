"""The read API: answers the mobile apps from Redis alone.

A request becomes a question, the question names a template and a document, one pipelined fetch
brings the document's sections, and the template splices them into the answer. PostgreSQL is never
asked.
"""
