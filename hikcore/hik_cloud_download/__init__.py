"""The download stage: recordings of a Hik Cloud account as plain files, with a manifest of lines.

It is configured by a YAML file of its own, writes its own files, and never touches an archive.
docs/hik-cloud.md has the file's keys and the manifest's.
"""
