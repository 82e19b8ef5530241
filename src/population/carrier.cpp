#include "autosampling/population/carrier.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/comm/gpu.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/training/runtime.hpp"

namespace autosampling {

namespace {

DeviceAccess access_to(const at::Device& device) {
    return {gpu_runtime(device.index()), current_stream(device)};
}

} // namespace

GpuFacts gpu_facts(const at::Device& device) {
    GpuFacts facts;
    if (!device.is_cuda()) return facts;
    const FoundNccl nccl = find_nccl();
    facts.cuda = true;
    facts.bus_id = gpu_bus_id(device.index());
    facts.nccl_version = nccl.version;
    facts.no_nccl = nccl.problem;
    facts.free_bytes = gpu_free_bytes(device.index());
    return facts;
}

std::vector<GpuFacts> gather_gpus(const Communicator& comm, const Communicator& node, const at::Device& device) {
    GpuFacts mine = gpu_facts(device);
    mine.node = comm.rank();
    node.broadcast(std::span(&mine.node, 1), 0);
    std::vector<GpuFacts> all = gather_messages(comm, mine);
    broadcast_message(comm, all);
    return all;
}

TransportChoice choose_transport(const Communicator& comm, std::span<const GpuFacts> gpus, TransportKind asked) {
    TransportChoice choice;
    comm.agree([&] { choice = choose_transport(gpus, asked); });
    return choice;
}

std::unique_ptr<Transport> make_transport(const Communicator& comm, const Communicator& node, TransportKind kind,
                                          const at::Device& device, AverageSize largest) {
    if (!device.is_cuda()) return make_mpi_transport(comm, node); // a rank without a GPU beside others that stage
    if (kind == TransportKind::mpi_staged) return make_staged_transport(comm, node, access_to(device));
    EXPECT(kind == TransportKind::nccl);
    return make_nccl_transport(comm, find_nccl().library, access_to(device), largest);
}

std::unique_ptr<TeamExchange> make_team_exchange(const Communicator& team, TransportKind kind,
                                                 const at::Device& device) {
    if (kind != TransportKind::nccl || team.size() == 1) return make_host_exchange(team);
    return make_nccl_exchange(team, find_nccl().library, access_to(device));
}

} // namespace autosampling
