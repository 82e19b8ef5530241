#include "autosampling/population/node_data.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/bytes.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/data/staging.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace autosampling {

// What planning finds out.
template<class Archive>
void serialize(Archive& archive, DatasetPlan& plan, unsigned) {
    std::vector<std::string> files(plan.files.begin(), plan.files.end());
    archive& plan.facts& plan.training_examples& plan.reward_examples& plan.test_examples& files;
    plan.files.assign(files.begin(), files.end());
}

DatasetPlan plan_together(const Communicator& comm, const DataOptions& options, std::uint64_t seed) {
    DatasetPlan plan;
    comm.on_root([&] { plan = plan_dataset(options, seed); });
    broadcast_message(comm, plan);
    plan.options = options;
    plan.seed = seed;
    return plan;
}

namespace {

// How far the copies of a node are; 0 of 0 on a rank that doesn't make them.
struct Staged {
    std::uint64_t bytes = 0, found = 0, copied = 0;
    bool is_done = true, is_locked_out = false;
};

// On the slowest node.
std::string describe(const std::vector<Staged>& nodes, const std::string& folder) {
    const auto done = [](const Staged& node) { return node.found + node.copied; };
    const auto slowest = *std::ranges::min_element(nodes, {}, done);
    const auto megabytes = [](std::uint64_t bytes) { return bytes_text(static_cast<std::int64_t>(bytes)); };
    return text("staging in ", folder, ": ", megabytes(slowest.copied), " copied, ", megabytes(slowest.found),
                " there already, of ", megabytes(slowest.bytes), nodes.size() > 1 ? " on the slowest node" : "",
                slowest.is_locked_out ? " (waiting: another job copies to this folder)" : "");
}

// Another job may hold the folder until it has its own copies on all nodes, and wait for one that this job holds.
void require_unlocked(double seconds, const Communicator& comm, const std::string& folder) {
    VALIDATE(seconds < comm.timeout().count(), ExitCode::failure, "the folder ", folder, " on ", host_name(),
             " was held by another job, or by another node of this one, for ", comm.timeout().count(),
             " s (run.collective_timeout), and may be waiting for this job on another node: set data.stage to a folder "
             "that each job and each node has to itself, or start again");
}

// Waits until all nodes have their copies, a little at a time: no rank waits for long. Collective.
void finish_staging(const Communicator& comm, std::optional<StagedFiles>& mine, const std::string& folder, Log& log) {
    auto said = Clock::now(), unlocked = said;
    for (bool all_done = false; !all_done;) {
        Staged state;
        comm.agree([&] {
            if (!mine) return;
            const bool is_done = mine->wait(std::chrono::seconds(1));
            state = {mine->bytes(), mine->found(), mine->copied(), is_done, mine->is_locked_out()};
            if (!state.is_locked_out) unlocked = Clock::now();
            require_unlocked(seconds_since(unlocked), comm, folder);
        });
        std::vector<Staged> nodes = comm.all_gather(std::span<const Staged>(&state, 1));
        all_done = std::ranges::all_of(nodes, &Staged::is_done);
        std::erase_if(nodes, [](const Staged& node) { return node.bytes == 0; });
        if (nodes.empty() || (!all_done && Clock::now() - said < std::chrono::seconds(10))) continue;
        log.info(describe(nodes, folder));
        said = Clock::now();
    }
}

// The plan whose files are the node's copies. Collective.
DatasetPlan stage(const Communicator& comm, const Communicator& node, DatasetPlan plan,
                  std::optional<StagedFiles>& copies, Log& log) {
    const std::string& folder = plan.options.stage;
    if (folder.empty()) return plan;
    comm.agree([&] {
        if (node.is_root()) copies.emplace(plan.files, folder);
    });
    finish_staging(comm, copies, folder, log);
    std::vector<std::string> files;
    if (copies) files.assign(copies->paths().begin(), copies->paths().end());
    broadcast_message(node, files);
    plan.files.assign(files.begin(), files.end());
    return plan;
}

// What the ranks of a node share. Collective over both.
SharedMemory share(const Communicator& comm, const Communicator& node, std::size_t bytes) {
    std::optional<SharedMemory> memory;
    comm.agree([&] { memory.emplace(node, bytes); });
    return *std::move(memory);
}

} // namespace

NodeData::NodeData(const Communicator& comm, const Communicator& node, const DatasetPlan& found, Log& log)
    : memory_(share(comm, node, found.bytes())) {
    std::optional<StagedFiles> copies; // on the node's rank 0
    const DatasetPlan plan = stage(comm, node, found, copies, log);
    comm.agree([&] {
        if (!node.is_root()) return;
        load_dataset(plan, memory_.bytes());
        hash_ = hash_dataset(view_dataset(plan, memory_.bytes()));
    });
    memory_.publish(node);
    comm.agree([&] { dataset_ = view_dataset(plan, memory_.bytes()); });
    if (copies && !plan.options.keep_staged) copies->remove(); // all ranks have opened them
    node.broadcast(std::span(&hash_, 1), 0);
    std::uint64_t first = hash_;
    comm.broadcast(std::span(&first, 1), 0);
    comm.agree([&] {
        VALIDATE(hash_ == first, ExitCode::data, "the data set on ", host_name(), " (hash ", hex(hash_),
                 ") is not the one that rank 0 has (hash ", hex(first), "): put the same files on every node");
    });
}

} // namespace autosampling
