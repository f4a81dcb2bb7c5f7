"""The reading requests of the guide by subject: a model a reply, a coroutine a call."""
