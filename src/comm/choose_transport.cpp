#include "autosampling/comm/choose_transport.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/names.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace autosampling {
namespace {

// Why these ranks, each on a GPU, can't use NCCL; empty where they can.
std::string against_nccl(std::span<const GpuFacts> ranks) {
    std::map<std::pair<std::int32_t, std::string>, std::size_t> owner; // of each GPU
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        const GpuFacts& facts = ranks[rank];
        const auto [first, alone] = owner.try_emplace({facts.node, facts.bus_id}, rank);
        if (!alone) return text("ranks ", first->second, " and ", rank, " share the GPU ", facts.bus_id);
        if (facts.nccl_version == 0) return text(facts.no_nccl, " on rank ", rank);
        if (facts.nccl_version != ranks.front().nccl_version)
            return text("NCCL ", nccl_version_text(ranks.front().nccl_version), " on rank 0, ",
                        nccl_version_text(facts.nccl_version), " on rank ", rank);
    }
    return {};
}

} // namespace

TransportChoice choose_transport(std::span<const GpuFacts> ranks, TransportKind asked) {
    const auto gpus = std::ranges::count(ranks, true, &GpuFacts::cuda);
    const auto refuse_unless = [asked](bool possible, const std::string& why, const std::string& suggestion) {
        VALIDATE(possible || asked == TransportKind::automatic, ExitCode::usage, "population.transport = ", asked,
                 " can't be had (", why, "): ", suggestion);
    };
    if (gpus == 0) {
        const std::string why = "members are trained on CPUs";
        refuse_unless(asked == TransportKind::mpi, why, "set it to auto or mpi");
        return {TransportKind::mpi, why};
    }
    const std::string why = "members are trained on GPUs";
    refuse_unless(asked != TransportKind::mpi, why, "set it to auto, mpi-staged or nccl");
    if (asked == TransportKind::mpi_staged) return {asked, "population.transport asks for it"};

    const std::string against = gpus < std::ssize(ranks) ? text(counted(std::ssize(ranks) - gpus, "rank"), " of ",
                                                                ranks.size(), " without a GPU")
                                                         : against_nccl(ranks);
    refuse_unless(asked != TransportKind::nccl || against.empty(), against, "set it to auto or mpi-staged");
    if (!against.empty()) return {TransportKind::mpi_staged, against};
    return {TransportKind::nccl, text("a GPU for each rank, NCCL ", nccl_version_text(ranks.front().nccl_version))};
}

std::string nccl_version_text(int version) {
    return text(version / 10000, '.', version / 100 % 100, '.', version % 100);
}

} // namespace autosampling
