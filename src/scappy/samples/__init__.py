"""Captures made by the project itself, for trying things out without a recording of one's own.

:func:`write_walkthrough` writes the capture of a well-known troubleshooting story: in a Kubernetes cluster curl takes
eight seconds to fetch a page, because the resolver appends search domains and a name server never answers for one
of them. Event numbers, times, threads, addresses and payloads are the story's (set ``TZ=CET-1`` to see its times);
what happens besides is made up, and the same in every copy.

The story was printed by the sysdig of 2016. Newer versions print the same events in other words:

=================================================  ===============================================================
printed in 2016                                    printed by sysdig 0.29.3
=================================================  ===============================================================
an empty pod column for skydns, which is in no     ``<NA>`` (which a web page swallows as a tag; the blank of the
pod                                                story may be no more than that)
``tuple=::ffff:172.17.0.7:46162->:::53``           ``tuple=172.17.0.7:46162->0.0.0.0:53``: IPv6 addresses that stand
                                                   for IPv4 ones, and the empty address, print as IPv4
``fd=6(<3t>:::53)``                                ``fd=6(<6t>:::53)``: the letter of IPv6 server sockets; and once a
                                                   datagram has come, an IPv4 socket with that datagram's ends
the option ``-N``, ports as numbers                no such option: numbers are the default
=================================================  ===============================================================

Where the story had to be extended:

* It shows the kubelet's request to Docker from a second, live session. Here it follows a moment after the page, in
  the same capture, from a thread and at a time of our own.
* The body of that request is compact JSON; the story prints its ``DnsSearch`` on a line of its own.
* Pod names came from the API server in 2016. Here they come from labels of the containers, which newer versions
  look at first, together with the labels of each pod's sandbox.

Modules: `cluster` and `processes` (the machine as it was found), `dns` and `http` (what goes over the wire), `calls`
(system calls as pairs of events), `scenes` (the story), `script` (where in the capture each step stands),
`background` (everything else), `timeline` (all together), `snapshot` (the cluster's API objects of that hour).
"""

from scappy.samples.snapshot import walkthrough_snapshot, write_walkthrough_snapshot
from scappy.samples.timeline import write_walkthrough

__all__ = ["walkthrough_snapshot", "write_walkthrough", "write_walkthrough_snapshot"]
