"""Files read and written: text, documents, tables; nothing about benchmarks or contests."""
