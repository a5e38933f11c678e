"""Fields of containers (``container.*``) and of Kubernetes objects (``k8s.*``) from container labels.

Facts: state engine, sections 7.3 and 12. Internal to the core.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, strlen

from scapcore.buffer cimport put_byte, put_bytes
from scapcore.fields cimport *
from scapcore.hashing cimport map_get
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

cdef enum Code:
    CONTAINER_ID = 1
    CONTAINER_NAME
    CONTAINER_IMAGE
    CONTAINER_IMAGE_ID
    CONTAINER_TYPE
    CONTAINER_PRIVILEGED
    CONTAINER_IMAGE_REPOSITORY
    CONTAINER_IMAGE_TAG
    CONTAINER_IMAGE_DIGEST
    POD_NAME
    POD_ID
    POD_LABEL
    POD_LABELS
    NAMESPACE_NAME

# name: (code, scope, type, format, needs)
FIELDS = {
    "container.id": (CONTAINER_ID, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "container.name": (CONTAINER_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.image": (CONTAINER_IMAGE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.image.id": (CONTAINER_IMAGE_ID, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.type": (CONTAINER_TYPE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.privileged": (CONTAINER_PRIVILEGED, SCOPE_THREAD, PT_BOOL, PF_NA, NEED_LINKS),
    "container.image.repository": (CONTAINER_IMAGE_REPOSITORY, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.image.tag": (CONTAINER_IMAGE_TAG, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.image.digest": (CONTAINER_IMAGE_DIGEST, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
}

KUBERNETES_FIELDS = {
    "k8s.pod.name": (POD_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "k8s.pod.id": (POD_ID, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "k8s.pod.label": (POD_LABEL, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "k8s.pod.labels": (POD_LABELS, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "k8s.ns.name": (NAMESPACE_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
}

cdef const char* TYPES[12]
TYPES[:] = [b"docker", b"lxc", b"libvirt-lxc", b"mesos", b"rkt", b"", b"cri", b"containerd", b"cri-o", b"bpm", b"", b""]
cdef const char* HIDDEN_LABELS[2]
HIDDEN_LABELS[:] = [b"annotation.", b"io.kubernetes."]


cdef bint give_known(Scope* scope, Value* value, uint32_t text) noexcept nogil:
    """A text of a record, missing where it is empty."""
    return give_string(scope, value, text) if text else False


cdef bint extract_container(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    cdef ContainerRow* container
    cdef const char* name
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if code == CONTAINER_ID:
        if not row.container_id:
            return give_text(value, b"host", 4)
        return give_string(scope, value, row.container_id)
    if not row.container_id:
        return give_text(value, b"host", 4) if code == CONTAINER_NAME or code == CONTAINER_TYPE else False
    if not row.container:
        return False
    container = &scope.state.containers[row.container]
    if code == CONTAINER_NAME:
        return give_known(scope, value, container.name)
    if code == CONTAINER_IMAGE:
        return give_known(scope, value, container.image)
    if code == CONTAINER_IMAGE_ID:
        return give_known(scope, value, container.image_id)
    if code == CONTAINER_IMAGE_REPOSITORY:
        return give_known(scope, value, container.image_repository)
    if code == CONTAINER_IMAGE_TAG:
        return give_known(scope, value, container.image_tag)
    if code == CONTAINER_IMAGE_DIGEST:
        return give_known(scope, value, container.image_digest)
    if code == CONTAINER_PRIVILEGED:
        return give_integer(value, PT_BOOL, container.privileged)
    if code == CONTAINER_TYPE:
        name = TYPES[container.type if 0 <= container.type < 12 else 5]
        if container.type == 11 and scope.state.modern:
            name = b"podman"
        return give_text(value, <const uint8_t*>name, strlen(name))
    return False


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
    cdef uint32_t text = label_of(scope, container, b"io.kubernetes.sandbox.id", 24, &found)
    cdef uint32_t index, id
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


cdef bint give_pod_labels(Field* field, Scope* scope, Value* value, ContainerRow* container) noexcept nogil:
    """One label of the pod, or all of them as ``key:value`` joined by ``, ``."""
    cdef ContainerRow* sandbox = sandbox_of(scope, container)
    cdef bint found = False
    cdef uint32_t index, text
    cdef size_t start = scope.scratch.used
    if sandbox == NULL:
        return False
    if field.code == POD_LABEL:
        if field.argument == NULL or is_hidden_label(field.argument, field.argument_length):
            return False
        text = label_of(scope, sandbox, field.argument, field.argument_length, &found)
        return give_string(scope, value, text) if found else False
    for index in range(sandbox.label_count):
        text = sandbox.labels[index].key
        if is_hidden_label(text_of(&scope.state.strings, text), length_of(&scope.state.strings, text)):
            continue
        if scope.scratch.used > start:
            put_bytes(&scope.scratch, b", ", 2)
        put_bytes(&scope.scratch, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))
        put_byte(&scope.scratch, 58)
        text = sandbox.labels[index].value
        put_bytes(&scope.scratch, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))
    return give_scratch(scope, value, start) if scope.scratch.used > start else False


cdef bint extract_kubernetes(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef ThreadRow* row
    cdef ContainerRow* container
    cdef bint found = False
    cdef uint32_t text = 0
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if not row.container_id or not row.container:
        return False
    container = &scope.state.containers[row.container]
    if field.code == POD_NAME:
        text = label_of(scope, container, b"io.kubernetes.pod.name", 22, &found)
    elif field.code == NAMESPACE_NAME:
        text = label_of(scope, container, b"io.kubernetes.pod.namespace", 27, &found)
    elif field.code == POD_ID:
        text = label_of(scope, container, b"io.kubernetes.pod.uid", 21, &found)
    else:
        return give_pod_labels(field, scope, value, container)
    return give_string(scope, value, text) if found else False
