// Which transport carries the members' states.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace autosampling {

enum class TransportKind { automatic, mpi, mpi_staged, nccl };
constexpr auto names_of(TransportKind) {
    return std::array{"auto", "mpi", "mpi-staged", "nccl"};
}

// What the choice, and others by the GPUs, need to know of a rank.
struct GpuFacts {
    bool cuda = false;           // trains on a GPU
    std::string bus_id;          // of its GPU on the PCI bus
    std::int32_t node = 0;       // equal on the ranks of a node
    int nccl_version = 0;        // as ncclGetVersion has it; 0: there is none to be used
    std::string no_nccl;         // why
    std::int64_t free_bytes = 0; // of its GPU's memory

    template<class Archive>
    void serialize(Archive& archive, unsigned /*version*/) {
        archive& cuda& bus_id& node& nccl_version& no_nccl& free_bytes;
    }
};

struct TransportChoice {
    TransportKind kind = TransportKind::mpi; // never automatic
    std::string why;
};

// By the facts of all ranks. NCCL takes two ranks with equal node and bus id for one device, and refuses them. Throws
// Error(usage) where what is asked for can't be had. Local.
TransportChoice choose_transport(std::span<const GpuFacts> ranks, TransportKind asked);

// 22809 as "2.28.9".
std::string nccl_version_text(int version);

} // namespace autosampling
