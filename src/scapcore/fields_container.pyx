"""Fields of the container that a process runs in (``container.*``; state engine, section 7.3). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport strlen

from scapcore.buffer cimport put_bytes
from scapcore.fields cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *

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
    CONTAINER_FULL_ID
    CONTAINER_HOST_PID
    CONTAINER_HOST_NETWORK
    CONTAINER_HOST_IPC
    CONTAINER_IP
    CONTAINER_CNI_JSON
    CONTAINER_START
    CONTAINER_DURATION
    CONTAINER_MOUNTS
    CONTAINER_MOUNT
    CONTAINER_MOUNT_SOURCE
    CONTAINER_MOUNT_DEST
    CONTAINER_MOUNT_MODE
    CONTAINER_MOUNT_RDWR
    CONTAINER_MOUNT_PROPAGATION
    CONTAINER_HEALTHCHECK
    CONTAINER_LIVENESS_PROBE
    CONTAINER_READINESS_PROBE

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
    "container.full_id": (CONTAINER_FULL_ID, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.host_pid": (CONTAINER_HOST_PID, SCOPE_THREAD, PT_BOOL, PF_NA, NEED_LINKS),
    "container.host_network": (CONTAINER_HOST_NETWORK, SCOPE_THREAD, PT_BOOL, PF_NA, NEED_LINKS),
    "container.host_ipc": (CONTAINER_HOST_IPC, SCOPE_THREAD, PT_BOOL, PF_NA, NEED_LINKS),
    "container.ip": (CONTAINER_IP, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.cni.json": (CONTAINER_CNI_JSON, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.start_ts": (CONTAINER_START, SCOPE_THREAD, PT_UINT64, PF_DEC, NEED_LINKS),
    "container.mounts": (CONTAINER_MOUNTS, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount": (CONTAINER_MOUNT, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount.source": (CONTAINER_MOUNT_SOURCE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount.dest": (CONTAINER_MOUNT_DEST, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount.mode": (CONTAINER_MOUNT_MODE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount.rdwr": (CONTAINER_MOUNT_RDWR, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.mount.propagation": (CONTAINER_MOUNT_PROPAGATION, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.healthcheck": (CONTAINER_HEALTHCHECK, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.liveness_probe": (CONTAINER_LIVENESS_PROBE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.readiness_probe": (CONTAINER_READINESS_PROBE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "container.duration": (CONTAINER_DURATION, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_LINKS),
}

# Parts of a mount, and probes, in the order of the codes
PARTS = (None, "source", "dest", "mode", "rdwr", "propagation")
PROBES = ("Healthcheck", "LivenessProbe", "ReadinessProbe")
SWITCHES = ("host_pid", "host_network", "host_ipc")

cdef const char* TYPES[12]
TYPES[:] = [b"docker", b"lxc", b"libvirt-lxc", b"mesos", b"rkt", b"", b"cri", b"containerd", b"cri-o", b"bpm", b"", b""]


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
    if code == CONTAINER_START:
        return give_integer(value, PT_UINT64, <int64_t>row.namespace_start) if row.namespace_start else False
    if code == CONTAINER_DURATION:
        if not row.namespace_start or not row.clone_time:
            return False
        return give_integer(value, PT_RELTIME, <int64_t>(scope.event.ts - row.namespace_start))
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
    if code == CONTAINER_FULL_ID:
        return give_known(scope, value, container.full_id)
    if code == CONTAINER_PRIVILEGED or CONTAINER_HOST_PID <= code <= CONTAINER_HOST_IPC:
        # Only some engines tell.
        if container.type != 0 and container.type != 6 and container.type != 7 and container.type != 8 \
                and container.type != 11:
            return False
    if code == CONTAINER_PRIVILEGED:
        return give_integer(value, PT_BOOL, container.privileged)
    if code == CONTAINER_TYPE:
        name = TYPES[container.type if 0 <= container.type < 12 else 5]
        if container.type == 11 and scope.state.modern:
            name = b"podman"
        return give_text(value, <const uint8_t*>name, strlen(name))
    with gil:
        return give_detail(field, scope, value, (<object>scope.state.side).records[container.details])


cdef bint give_object(Scope* scope, Value* value, object text) noexcept:
    """A Python text, missing where it is None."""
    cdef size_t start = scope.scratch.used
    cdef bytes data
    if text is None:
        return False
    data = text.encode("utf-8", "surrogatepass")
    put_bytes(&scope.scratch, <const char*>data, len(data))
    return give_scratch(scope, value, start)


cdef bint give_detail(Field* field, Scope* scope, Value* value, object details) noexcept:
    """What is kept beside the tables about a container."""
    cdef uint16_t code = field.code
    if CONTAINER_HOST_PID <= code <= CONTAINER_HOST_IPC:
        return give_integer(value, PT_BOOL, details.switches.get(SWITCHES[code - CONTAINER_HOST_PID], False))
    if code == CONTAINER_IP:
        return give_object(scope, value, details.address or "0.0.0.0")
    if code == CONTAINER_CNI_JSON:
        return give_object(scope, value, details.network_json)
    if code == CONTAINER_MOUNTS:
        return give_object(scope, value, ",".join(map(str, details.mounts)))
    if CONTAINER_MOUNT <= code <= CONTAINER_MOUNT_PROPAGATION:
        part = PARTS[code - CONTAINER_MOUNT]
        mount = details.mount((<FieldUse><object>field.owner).given, "dest" if part == "source" else "source")
        if mount is None:
            return False
        return give_object(scope, value, str(mount) if part is None else mount.part(part))
    return give_object(scope, value, str(details.probes.get(PROBES[code - CONTAINER_HEALTHCHECK], "NONE")))
