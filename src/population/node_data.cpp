#include "autosampling/population/node_data.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/comm/message.hpp"

namespace autosampling {

// What planning finds out.
template<class Archive>
void serialize(Archive& archive, DatasetPlan& plan, unsigned) {
    std::vector<std::string> files(plan.files.begin(), plan.files.end());
    archive& plan.facts& plan.training_examples& plan.test_examples& files;
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

NodeData::NodeData(const Communicator& comm, const Communicator& node, const DatasetPlan& plan)
    : memory_(node, plan.bytes()) {
    comm.agree([&] {
        if (!node.is_root()) return;
        load_dataset(plan, memory_.bytes());
        hash_ = hash_dataset(view_dataset(plan, memory_.bytes()));
    });
    memory_.publish(node);
    dataset_ = view_dataset(plan, memory_.bytes());
    node.broadcast(std::span(&hash_, 1), 0);
    std::uint64_t first = hash_;
    comm.broadcast(std::span(&first, 1), 0);
    comm.agree([&] {
        VALIDATE(hash_ == first, ExitCode::data, "the data set on ", host_name(), " (hash ", hex(hash_),
                 ") is not the one that rank 0 has (hash ", hex(first), "): put the same files on every node");
    });
}

} // namespace autosampling
