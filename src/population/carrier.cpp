#include "autosampling/population/carrier.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/comm/gpu.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/training/runtime.hpp"

namespace autosampling {
namespace {

GpuFacts facts_of(const Communicator& comm, const Communicator& node, const torch::Device& device) {
    GpuFacts facts;
    facts.node = comm.rank();
    node.broadcast(std::span(&facts.node, 1), 0);
    if (!device.is_cuda()) return facts;
    const FoundNccl nccl = find_nccl();
    facts.cuda = true;
    facts.bus_id = gpu_bus_id(device.index());
    facts.nccl_version = nccl.version;
    facts.no_nccl = nccl.problem;
    return facts;
}

} // namespace

TransportChoice choose_transport(const Communicator& comm, const Communicator& node, const torch::Device& device,
                                 TransportKind asked) {
    const auto all = gather_messages(comm, facts_of(comm, node, device));
    TransportChoice choice;
    comm.on_root([&] { choice = choose_transport(all, asked); });
    comm.broadcast(std::span(&choice.kind, 1), 0);
    return choice;
}

std::unique_ptr<Transport> make_transport(const Communicator& comm, TransportKind kind, const torch::Device& device,
                                          AverageSize largest) {
    if (!device.is_cuda()) return make_mpi_transport(comm); // a rank without a GPU beside others that stage
    const DeviceAccess access{gpu_runtime(device.index()), current_stream(device)};
    if (kind == TransportKind::mpi_staged) return make_staged_transport(comm, access);
    EXPECT(kind == TransportKind::nccl);
    return make_nccl_transport(comm, find_nccl().library, access, largest);
}

} // namespace autosampling
