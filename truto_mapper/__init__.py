"""Declarative mappings between Gong's user-activity payloads and the unified Activity schema."""
