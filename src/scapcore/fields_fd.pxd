# Fields of descriptors.

from libc.stdint cimport uint8_t

from scapcore.fields cimport Field, Scope, Value
from scapcore.state cimport FdRow

cdef enum FdCode:
    FD_NUM = 1
    FD_TYPE
    FD_TYPECHAR
    FD_NAME
    FD_DIRECTORY_NAME
    FD_FILENAME
    FD_IP
    FD_CIP
    FD_SIP
    FD_LIP
    FD_RIP
    FD_PORT
    FD_CPORT
    FD_SPORT
    FD_LPORT
    FD_RPORT
    FD_L4PROTO
    FD_SOCKFAMILY
    FD_IS_SERVER
    FD_UID
    FD_CONTAINERNAME
    FD_CONTAINERDIRECTORY
    FD_PROTO
    FD_CPROTO
    FD_SPROTO
    FD_LPROTO
    FD_RPROTO
    FD_NET
    FD_CNET
    FD_SNET
    FD_LNET
    FD_RNET
    FD_CONNECTED
    FD_NAME_CHANGED
    FD_DEV
    FD_DEV_MAJOR
    FD_DEV_MINOR
    FD_INO
    FD_NAME_RAW
    FD_IS_UPPER_LAYER
    FD_IS_LOWER_LAYER
    FD_CIP_NAME
    FD_SIP_NAME
    FD_LIP_NAME
    FD_RIP_NAME

cdef bint extract_fd(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint is_fd_special(Scope* scope) noexcept nogil
cdef const char* fd_type_name(uint8_t type) noexcept nogil
cdef uint8_t fd_type_sign(uint8_t type) noexcept nogil
cdef int fd_ends(FdRow* fd, const uint8_t** addresses, unsigned short* ports, int* width) noexcept nogil
