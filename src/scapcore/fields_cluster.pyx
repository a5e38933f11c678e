"""Fields of Kubernetes objects (``k8s.*``; state engine, section 12). Internal to the core.

What the labels of a container say counts first, then what events of the cluster's API told, then what was joined.
Fields of the pod that a process runs in are texts of the container's row. Those of what is behind an address are
functions of the descriptor's row, as of the time when it was made.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, strlen

from scapcore.buffer cimport put_byte, put_bytes
from scapcore.fields cimport *
from scapcore.fields_container cimport give_object
from scapcore.fields_fd cimport fd_ends
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

from scapcore.cluster import PARTS, WORDS

cdef enum Code:
    POD_NAME = 1
    POD_ID
    NAMESPACE_NAME
    POD_LABEL
    POD_LABELS
    POD_SANDBOX_ID
    POD_FULL_SANDBOX_ID
    POD_IP
    POD_CNI_JSON
    OBJECT = 100             # and beyond: word * POD_PARTS + part
    CLIENT = 200
    SERVER = 300
    LABEL_PART = 2

# Places of the first of the fields above among the texts of a pod
cdef int[POD_CNI_JSON + 1] PLACES
for _code, _word, _part in ((POD_NAME, "pod", "name"), (POD_ID, "pod", "id"), (NAMESPACE_NAME, "ns", "name"),
                            (POD_LABEL, "pod", "label"), (POD_LABELS, "pod", "labels"), (POD_IP, "pod", "ip")):
    PLACES[<int>_code] = WORDS.index(_word) * POD_PARTS + PARTS.index(_part)
for _code in (0, POD_SANDBOX_ID, POD_FULL_SANDBOX_ID, POD_CNI_JSON):
    PLACES[<int>_code] = -1

#: Kinds that have addresses of their own
ADDRESSED = ("pod", "svc", "node")


def text_row(code):
    return (code, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS)


# name: (code, scope, type, format, needs)
FIELDS = {
    "k8s.pod.name": text_row(POD_NAME),
    "k8s.pod.id": text_row(POD_ID),
    "k8s.pod.uid": text_row(POD_ID),
    "k8s.ns.name": text_row(NAMESPACE_NAME),
    "k8s.pod.label": text_row(POD_LABEL),
    "k8s.pod.labels": text_row(POD_LABELS),
    "k8s.pod.sandbox_id": text_row(POD_SANDBOX_ID),
    "k8s.pod.full_sandbox_id": text_row(POD_FULL_SANDBOX_ID),
    "k8s.pod.ip": text_row(POD_IP),
    "k8s.pod.cni.json": text_row(POD_CNI_JSON),
}
for _word in range(len(WORDS)):
    for _part in range(len(PARTS)):
        if PARTS[_part] != "ip" or WORDS[_word] in ADDRESSED:
            _code = _word * POD_PARTS + _part
            _name = f"{WORDS[_word]}.{PARTS[_part]}"
            FIELDS.setdefault(f"k8s.{_name}", text_row(OBJECT + _code))
            FIELDS[f"k8s.client.{_name}"] = (CLIENT + _code, SCOPE_FD, PT_CHARBUF, PF_NA, 0)
            FIELDS[f"k8s.server.{_name}"] = (SERVER + _code, SCOPE_FD, PT_CHARBUF, PF_NA, 0)

cdef const char* HIDDEN_LABELS[2]
HIDDEN_LABELS[:] = [b"annotation.", b"io.kubernetes."]


cdef uint32_t label_of(Scope* scope, ContainerRow* container, const uint8_t* key, size_t length, bint* found) noexcept nogil:
    """Text of a container's label."""
    cdef uint32_t index, text
    for index in range(container.label_count):
        text = container.labels[index].key
        if length_of(&scope.state.strings, text) == length and \
                memcmp(text_of(&scope.state.strings, text), key, length) == 0:
            found[0] = True
            return container.labels[index].value
    found[0] = False
    return 0


cdef bint is_hidden_label(const uint8_t* key, uint32_t length) noexcept nogil:
    cdef int index
    cdef size_t size
    for index in range(2):
        size = strlen(HIDDEN_LABELS[index])
        if length >= size and memcmp(key, HIDDEN_LABELS[index], size) == 0:
            return True
    return False


cdef ContainerRow* sandbox_of(Scope* scope, ContainerRow* container) noexcept nogil:
    """The container that holds the pod's labels: its sandbox, NULL if it is not known."""
    cdef bint found = False
    cdef uint32_t text = container.sandbox
    cdef uint32_t index, id
    if not text:
        text = label_of(scope, container, b"io.kubernetes.sandbox.id", 24, &found)
        if not found:
            return NULL
    index = scope.columns.container_count
    while index > 1:
        index -= 1
        id = scope.state.containers[index].id
        if length_of(&scope.state.strings, id) and length_of(&scope.state.strings, text) >= 12 \
                and length_of(&scope.state.strings, id) == 12 \
                and memcmp(text_of(&scope.state.strings, id), text_of(&scope.state.strings, text), 12) == 0:
            return &scope.state.containers[index]
    return NULL


cdef void put_label(Scope* scope, size_t start, uint32_t key, uint32_t text) noexcept nogil:
    """A label as ``key:value``, the key alone where the value is empty."""
    if scope.scratch.used > start:
        put_bytes(&scope.scratch, b", ", 2)
    put_bytes(&scope.scratch, text_of(&scope.state.strings, key), length_of(&scope.state.strings, key))
    if length_of(&scope.state.strings, text):
        put_byte(&scope.scratch, 58)
        put_bytes(&scope.scratch, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))


cdef bint give_pod_labels(Field* field, Scope* scope, Value* value, ContainerRow* container) noexcept nogil:
    """One label of the pod, or all of them but those that are notes of the system itself."""
    cdef ContainerRow* sandbox = sandbox_of(scope, container)
    cdef bint found = False
    cdef uint32_t index, text
    cdef size_t start = scope.scratch.used
    if sandbox == NULL or not sandbox.label_count:
        return False
    if field.code == POD_LABEL:
        if field.argument == NULL:
            return False
        text = label_of(scope, sandbox, field.argument, field.argument_length, &found)
        return give_string(scope, value, text) if found else False
    for index in range(sandbox.label_count):
        text = sandbox.labels[index].key
        if not is_hidden_label(text_of(&scope.state.strings, text), length_of(&scope.state.strings, text)):
            put_label(scope, start, text, sandbox.labels[index].value)
    return give_scratch(scope, value, start)


cdef bint give_from_record(Field* field, Scope* scope, Value* value, ContainerRow* container) noexcept nogil:
    """What the labels of the container, or newer records beside them, say."""
    cdef bint found = False
    cdef uint32_t text
    cdef uint16_t code = field.code
    if code == POD_NAME:
        text = label_of(scope, container, b"io.kubernetes.pod.name", 22, &found)
    elif code == NAMESPACE_NAME:
        text = label_of(scope, container, b"io.kubernetes.pod.namespace", 27, &found)
    elif code == POD_ID:
        text = label_of(scope, container, b"io.kubernetes.pod.uid", 21, &found)
    elif code == POD_SANDBOX_ID or code == POD_FULL_SANDBOX_ID:
        text = container.sandbox
        found = text != 0
        if not found:
            text = label_of(scope, container, b"io.kubernetes.sandbox.id", 24, &found)
        if found and code == POD_SANDBOX_ID and length_of(&scope.state.strings, text) > 12:
            return give_text(value, text_of(&scope.state.strings, text), 12)
    elif code == POD_LABEL or code == POD_LABELS:
        if give_pod_labels(field, scope, value, container):
            return True
        with gil:
            return give_sandbox_detail(field, scope, value, container)
    else:
        with gil:
            return give_sandbox_detail(field, scope, value, container)
    return give_string(scope, value, text) if found else False


cdef bint give_sandbox_detail(Field* field, Scope* scope, Value* value, ContainerRow* container) noexcept:
    """What newer records say of the pod's sandbox, in the record of the container or else in the sandbox's own."""
    cdef uint16_t code = field.code
    cdef ContainerRow* sandbox = sandbox_of(scope, container)
    records = (<object>scope.state.side).records
    details = records[container.details]
    other = records[sandbox.details] if sandbox != NULL else None
    if not details.sandbox:
        return False
    if not details.network_json and other is not None:
        details = other
    if code == POD_CNI_JSON:
        return give_object(scope, value, details.network_json)
    if code == POD_IP:
        if not details.address and container.pod and scope.state.pods[container.pod].texts[PLACES[<int>POD_IP]] != NO_ID:
            return False
        return give_object(scope, value, details.address or "0.0.0.0")
    if not details.pod_labels:
        return False
    if code == POD_LABEL:
        return give_object(scope, value, details.pod_labels.get((<FieldUse><object>field.owner).given))
    return give_object(scope, value, ", ".join(
        f"{key}:{text}" if text else key for key, text in details.pod_labels.items()
        if not key.startswith(("annotation.", "io.kubernetes."))))


cdef bint give_label(Field* field, Scope* scope, Value* value, object membership, int word) noexcept:
    """One label of the pod, or of something that it belongs to."""
    if membership is None:
        return False
    return give_object(scope, value, membership.value(WORDS[word], "label", (<FieldUse><object>field.owner).given or ""))


cdef bint give_from_pod(Field* field, Scope* scope, Value* value, uint32_t pod) noexcept nogil:
    """What the cluster's API told of a pod."""
    cdef int place = field.code - OBJECT if field.code >= OBJECT else PLACES[field.code]
    cdef uint32_t text
    if place < 0:
        return False
    if place % POD_PARTS == LABEL_PART:
        with gil:
            return give_label(field, scope, value, (<object>scope.state.side).pods[pod], place // POD_PARTS)
    text = scope.state.pods[pod].texts[place]
    return give_string(scope, value, text) if text != NO_ID else False


cdef bint give_behind(Field* field, Scope* scope, Value* value, bytes address, uint16_t port, uint64_t time, bint server) noexcept:
    """What the cluster's API told of the owner of an address."""
    cdef int place = field.code - (SERVER if server else CLIENT)
    membership = (<object>scope.state.side).directory.of_address(address, port, time, server)
    if membership is None:
        return False
    if place % POD_PARTS == LABEL_PART:
        return give_label(field, scope, value, membership, place // POD_PARTS)
    return give_object(scope, value, membership.value(WORDS[place // POD_PARTS], PARTS[place % POD_PARTS]))


cdef bint extract_end(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Fields of what is behind the addresses that fd.cip and fd.sip show."""
    cdef bint server = field.code >= SERVER
    cdef const uint8_t* addresses[2]
    cdef uint16_t ports[2]
    cdef int width = 0
    cdef int count, end
    cdef FdRow* fd
    cdef uint64_t time
    if not scope.state.joined or not scope.fd or \
            not scope.event.info.flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
        return False
    fd = fd_row(scope.state, scope.fd)
    count = fd_ends(fd, addresses, ports, &width)
    if count == 0 or fd.role == ROLE_NONE or (count == 1 and not server):
        return False
    end = count - 1 if server else 0
    time = fd.born_time if fd.born_time else scope.columns.first_time
    with gil:
        return give_behind(field, scope, value, addresses[end][:width], ports[end], time, server)


cdef bint give_owner(Field* field, Scope* scope, Value* value, ContainerRow* container) noexcept:
    """What made a pod of which no cluster told, by the labels that the pod was given."""
    cdef ContainerRow* sandbox
    cdef int place = field.code - OBJECT
    cdef bint found = False
    cdef uint32_t text = label_of(scope, container, b"io.kubernetes.pod.name", 22, &found)
    cdef bytes name
    if not found or place % POD_PARTS or (container.pod and (<object>scope.state.side).pods[container.pod].others):
        return False
    from scapcore.pods import TELLING, owner_by_labels

    pod = text_of(&scope.state.strings, text)[:length_of(&scope.state.strings, text)].decode("utf-8", "replace")
    labels = dict((<object>scope.state.side).records[container.details].pod_labels)
    sandbox = sandbox_of(scope, container)
    for key in TELLING if sandbox != NULL else ():
        name = key.encode()
        text = label_of(scope, sandbox, <const uint8_t*><char*>name, len(name), &found)
        if found:
            labels[key] = text_of(&scope.state.strings, text)[:length_of(&scope.state.strings, text)].decode("utf-8", "replace")
    return give_object(scope, value, owner_by_labels(WORDS[place // POD_PARTS], pod, labels))


cdef bint extract_kubernetes(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef ThreadRow* row
    cdef ContainerRow* container
    if scope.state == NULL or not scope.thread:
        return False
    if field.code >= CLIENT:
        return extract_end(field, scope, value)
    row = thread_row(scope.state, scope.thread)
    if not row.container_id or not row.container:
        return False
    container = &scope.state.containers[row.container]
    if field.code < OBJECT and give_from_record(field, scope, value, container):
        return True
    if container.pod and give_from_pod(field, scope, value, container.pod):
        return True
    if field.code < OBJECT or not container.label_count:
        return False
    with gil:
        return give_owner(field, scope, value, container)
