"""The compiled core: bytes in, tables out; tables in, bytes out. Built from native/ in place."""
