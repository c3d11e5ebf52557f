# pyinfra, with the socket option that its SSH library does not set.
import socket
import sys

from paramiko import Transport
from pyinfra_cli.main import main

start = Transport.start_client


def start_client(self, *words, **names):
    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return start(self, *words, **names)


Transport.start_client = start_client
sys.argv[0] = "pyinfra"
main()
