"""Fields of Kubernetes objects (``k8s.*``; state engine, section 12). Internal to the core.

What the labels of a container say counts first, then what events of the cluster's API told.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, strlen

from scapcore.buffer cimport put_byte, put_bytes
from scapcore.fields cimport *
from scapcore.fields_container cimport give_object
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

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
    OWNER                    # and beyond: word * 4 + part

OWNER_WORDS = ("rc", "svc", "ns", "rs", "deployment")
OWNER_PARTS = ("name", "id", "label", "labels")
POD_PARTS = {POD_NAME: ("pod", "name"), POD_ID: ("pod", "id"), NAMESPACE_NAME: ("ns", "name"),
             POD_LABEL: ("pod", "label"), POD_LABELS: ("pod", "labels")}


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
for _word in range(len(OWNER_WORDS)):
    for _part in range(len(OWNER_PARTS)):
        FIELDS.setdefault(f"k8s.{OWNER_WORDS[_word]}.{OWNER_PARTS[_part]}",
                          text_row(OWNER + _word * len(OWNER_PARTS) + _part))

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
        return give_object(scope, value, details.address or "0.0.0.0")
    if not details.pod_labels:
        return False
    if code == POD_LABEL:
        return give_object(scope, value, details.pod_labels.get((<FieldUse><object>field.owner).given))
    return give_object(scope, value, ", ".join(
        f"{key}:{text}" if text else key for key, text in details.pod_labels.items()
        if not key.startswith(("annotation.", "io.kubernetes."))))


cdef bint give_membership(Field* field, Scope* scope, Value* value, uint32_t pod) noexcept:
    """What the cluster's API told."""
    cdef uint16_t code = field.code
    if code >= OWNER:
        word = OWNER_WORDS[(code - OWNER) // 4]
        part = OWNER_PARTS[(code - OWNER) % 4]
    elif code in POD_PARTS:
        word, part = POD_PARTS[code]
    else:
        return False
    argument = (<FieldUse><object>field.owner).given
    return give_object(scope, value, (<object>scope.state.side).pods[pod].value(word, part, argument or ""))


cdef bint extract_kubernetes(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef ThreadRow* row
    cdef ContainerRow* container
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if not row.container_id or not row.container:
        return False
    container = &scope.state.containers[row.container]
    if field.code < OWNER and give_from_record(field, scope, value, container):
        return True
    if not container.pod:
        return False
    with gil:
        return give_membership(field, scope, value, container.pod)
