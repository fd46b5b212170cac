"""A Ray cluster of several nodes on this machine; a line ``lose`` or ``add`` on its input changes them.

It prints its address, then a line for each order that it has carried out. It ends when its input does.
"""

import logging
import sys

from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
logging.disable()
print(cluster.address, flush=True)
try:
    for order in sys.stdin:
        if order == "add\n":
            nodes.append(cluster.add_node(num_cpus=1))
        else:
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
        print("done", flush=True)
finally:
    cluster.shutdown()
