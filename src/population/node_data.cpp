#include "autosampling/population/node_data.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/comm/message.hpp"

namespace autosampling {

namespace {

// What planning finds out.
struct Findings {
    ImageShape shape;
    int classes = 0;
    std::uint64_t training_images = 0, test_images = 0;
    std::vector<double> mean, std;
    std::vector<std::string> class_names, files;

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& shape.height& shape.width& shape
            .channels& classes& training_images& test_images& mean& std& class_names& files;
    }
};

} // namespace

DatasetPlan plan_together(const Communicator& comm, const DataOptions& options, std::uint64_t seed) {
    DatasetPlan plan;
    Findings found;
    comm.on_root([&] {
        plan = plan_dataset(options, seed);
        found = {plan.shape, plan.classes, plan.training_images, plan.test_images,
                 plan.mean,  plan.std,     plan.class_names,     {plan.files.begin(), plan.files.end()}};
    });
    broadcast_message(comm, found);
    plan.options = options;
    plan.seed = seed;
    plan.shape = found.shape;
    plan.classes = found.classes;
    plan.training_images = found.training_images;
    plan.test_images = found.test_images;
    plan.mean = found.mean;
    plan.std = found.std;
    plan.class_names = found.class_names;
    plan.files.assign(found.files.begin(), found.files.end());
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
