#include "autosampling/comm/choose_transport.hpp"

#include "autosampling/base/error.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace autosampling {
namespace {

constexpr auto automatic = TransportKind::automatic, mpi = TransportKind::mpi, staged = TransportKind::mpi_staged,
               nccl = TransportKind::nccl;

// Ranks on two nodes, each with a GPU of its own; the GPUs of the nodes have equal bus ids.
std::vector<GpuFacts> four_gpus() {
    return {{true, "0000:4a:00.0", 0, 22809, ""},
            {true, "0000:4b:00.0", 0, 22809, ""},
            {true, "0000:4a:00.0", 2, 22809, ""},
            {true, "0000:4b:00.0", 2, 22809, ""}};
}

std::string refusal(const std::vector<GpuFacts>& ranks, TransportKind asked) {
    try {
        choose_transport(ranks, asked);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        return error.what();
    }
    return "none";
}

void expect_choice(const std::vector<GpuFacts>& ranks, TransportKind asked, TransportKind kind,
                   const std::string& why) {
    const TransportChoice choice = choose_transport(ranks, asked);
    EXPECT_EQ(choice.kind, kind);
    EXPECT_EQ(choice.why, why);
}

TEST(ChooseTransport, cpus_have_mpi_and_nothing_else) {
    const std::vector<GpuFacts> cpus(3);
    expect_choice(cpus, automatic, mpi, "members are trained on CPUs");
    expect_choice(cpus, mpi, mpi, "members are trained on CPUs");
    EXPECT_EQ(refusal(cpus, nccl), "population.transport = nccl can't be had (members are trained on CPUs): set it to "
                                   "auto or mpi");
    EXPECT_NE(refusal(cpus, staged), "none");
}

TEST(ChooseTransport, a_gpu_for_each_rank_has_nccl) {
    expect_choice(four_gpus(), automatic, nccl, "a GPU for each rank, NCCL 2.28.9");
    expect_choice(four_gpus(), nccl, nccl, "a GPU for each rank, NCCL 2.28.9");
    expect_choice(four_gpus(), staged, staged, "population.transport asks for it");
    EXPECT_NE(refusal(four_gpus(), mpi), "none");
}

TEST(ChooseTransport, what_stands_against_nccl_is_said_and_states_go_by_host_memory) {
    const auto expect_against = [](const std::vector<GpuFacts>& ranks, const std::string& why) {
        expect_choice(ranks, automatic, staged, why);
        EXPECT_EQ(refusal(ranks, nccl),
                  "population.transport = nccl can't be had (" + why + "): set it to auto or mpi-staged");
    };
    auto ranks = four_gpus();
    ranks[3].bus_id = ranks[2].bus_id;
    expect_against(ranks, "ranks 2 and 3 share the GPU 0000:4a:00.0");
    ranks = four_gpus();
    ranks[1] = {true, "0000:4b:00.0", 0, 0, "this LibTorch has no NCCL"};
    expect_against(ranks, "this LibTorch has no NCCL on rank 1");
    ranks = four_gpus();
    ranks[3].nccl_version = 22703;
    expect_against(ranks, "NCCL 2.28.9 on rank 0, 2.27.3 on rank 3");
    ranks = four_gpus();
    ranks[0].cuda = false;
    expect_against(ranks, "1 rank of 4 without a GPU");
}

} // namespace
} // namespace autosampling
