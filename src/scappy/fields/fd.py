"""Fields of the file descriptor that the event works on: files, sockets, pipes and the like."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["FD"]


def either_end(name: str, type: str, sentence: str, format: str = "NA") -> Field:
    """A field of filters that looks at one or both ends of a connection."""
    return Field(name, type, sentence, format, filter_only=True, no_field_on_right=True, no_transformer=True)


def domain(name: str, end: str) -> Field:
    """A field that holds the domain name of an end of a connection."""
    sentence = f"Domain name of the {end} address; a filter looks up the name that it is given."
    return Field(name, "CHARBUF", sentence, no_field_on_right=True, no_transformer=True)


def protocol(name: str, end: str) -> Field:
    """A field that shows a port as the name of its service."""
    return Field(name, "CHARBUF", f"Service name of the {end} port, or the number if it has no name.")


FD = FieldClass(
    "fd",
    "The file descriptor that the event works on: file, socket, pipe and so on.",
    (
        Field("fd.num", "INT64", "Number of the descriptor.", "ID"),
        Field("fd.type", "CHARBUF", "Kind of descriptor as a word, such as file, ipv4 or pipe.", "DEC"),
        Field("fd.typechar", "CHARBUF", "Kind of descriptor as one character, such as f, 4 or p.", "DEC"),
        Field(
            "fd.types",
            "CHARBUF",
            "Kinds of all descriptors that the process has open, or of the one with the given number.",
            "DEC",
            argument=Argument("fd number", bracket="index", required=False),
            is_list=True,
            no_field_on_right=True,
            classic=False,
        ),
        Field("fd.name", "CHARBUF", "Full name: the path of a file, both ends of a connection."),
        Field("fd.nameraw", "CHARBUF", "Path as the program wrote it, before it was resolved.", classic=False),
        Field("fd.directory", "CHARBUF", "Directory of a file."),
        Field("fd.filename", "CHARBUF", "Name of a file without its directory."),
        either_end("fd.ip", "IPADDR", "Either address of the connection."),
        Field("fd.cip", "IPADDR", "Address of the client."),
        Field("fd.sip", "IPADDR", "Address of the server."),
        Field("fd.lip", "IPADDR", "Address at the local end."),
        Field("fd.rip", "IPADDR", "Address at the remote end."),
        domain("fd.cip.name", "client's"),
        domain("fd.sip.name", "server's"),
        domain("fd.lip.name", "local"),
        domain("fd.rip.name", "remote"),
        either_end("fd.port", "PORT", "Either port of the connection.", "DEC"),
        Field("fd.cport", "PORT", "Port of the client.", "DEC"),
        Field("fd.sport", "PORT", "Port of the server.", "DEC"),
        Field("fd.lport", "PORT", "Port at the local end.", "DEC"),
        Field("fd.rport", "PORT", "Port at the remote end.", "DEC"),
        either_end("fd.proto", "PORT", "Either port of the connection, as a service name or number."),
        protocol("fd.cproto", "client's"),
        protocol("fd.sproto", "server's"),
        protocol("fd.lproto", "local"),
        protocol("fd.rproto", "remote"),
        either_end("fd.net", "IPNET", "Network that holds either address of the connection."),
        either_end("fd.cnet", "IPNET", "Network that holds the client's address."),
        either_end("fd.snet", "IPNET", "Network that holds the server's address."),
        either_end("fd.lnet", "IPNET", "Network that holds the local address."),
        either_end("fd.rnet", "IPNET", "Network that holds the remote address."),
        Field("fd.l4proto", "CHARBUF", "Transport protocol: tcp, udp, icmp or raw."),
        Field("fd.sockfamily", "CHARBUF", "Family of the socket: ip or unix."),
        Field("fd.is_server", "BOOL", "True if the process is the server of the connection."),
        Field("fd.connected", "BOOL", "True if the socket is connected."),
        Field("fd.name_changed", "BOOL", "True if the event renamed the descriptor."),
        Field("fd.uid", "CHARBUF", "Key of the descriptor: thread id and number with nothing between them."),
        Field("fd.containername", "CHARBUF", "Container id, a colon, and fd.name."),
        Field("fd.containerdirectory", "CHARBUF", "Container id, a colon, and fd.directory."),
        Field("fd.dev", "INT32", "Device that holds the file.", "HEX"),
        Field("fd.dev.major", "INT32", "Major number of that device.", "DEC"),
        Field("fd.dev.minor", "INT32", "Minor number of that device.", "DEC"),
        Field("fd.ino", "INT64", "Inode number of the file.", "DEC", classic=False),
        Field(
            "fd.is_upper_layer", "BOOL", "True if the file is in the upper layer of an overlay mount.", classic=False
        ),
        Field("fd.is_lower_layer", "BOOL", "True if the file is in a lower layer of an overlay mount.", classic=False),
    ),
)
