// The data set on a node: one copy in memory that its ranks share.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/comm/node.hpp"
#include "autosampling/data/dataset.hpp"

#include <cstdint>
#include <string>

namespace autosampling {

// plan_dataset, carried out by rank 0 for all: compressed files are unpacked to learn their sizes. Collective.
DatasetPlan plan_together(const Communicator& comm, const DataOptions& options, std::uint64_t seed);

class NodeData {
  public:
    // Stages (data.stage), loads and checks the data set once a node; ranks of all nodes must find the same images and
    // labels. Throws Error, agreed. Collective over `comm`; `node` is its split by node.
    NodeData(const Communicator& comm, const Communicator& node, const DatasetPlan& plan, Log& log);

    const Dataset& dataset() const { return dataset_; }
    std::uint64_t hash() const { return hash_; }
    // Where the memory is, if it isn't where it should be; on the node's rank 0.
    const std::string& remark() const { return memory_.remark(); }

  private:
    SharedMemory memory_;
    Dataset dataset_;
    std::uint64_t hash_ = 0;
};

} // namespace autosampling
