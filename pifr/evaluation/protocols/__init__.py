"""Protocols: who is enrolled, who is searched, and where that rule comes from. Definitions are YAML files here."""

from pifr.evaluation.protocols.definition import Definition, load_definition, protocol_names
from pifr.evaluation.protocols.protocol import Protocol
from pifr.evaluation.protocols.select import apply_definition, load_protocol

__all__ = ["Definition", "Protocol", "apply_definition", "load_definition", "load_protocol", "protocol_names"]
