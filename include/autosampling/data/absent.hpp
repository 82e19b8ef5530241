// A data set that isn't here, as far as a plan needs it.
#pragma once

#include "autosampling/data/dataset.hpp"

#include <cstdint>
#include <vector>

namespace autosampling {

// Of a data set; 0: as it was published.
struct SetSizes {
    std::int64_t training = 0;
    std::int64_t test = 0;
    std::int64_t classes = 0;
};

// Zeros, in classes of equal sizes.
class AbsentData {
  public:
    // mnist, cifar10, cifar100, and packed, whose sizes must be given. Throws Error(usage).
    AbsentData(const DataOptions& options, const SetSizes& sizes);

    const DatasetPlan& plan() const { return plan_; }
    const Dataset& dataset() const { return dataset_; }

  private:
    DatasetPlan plan_;
    std::vector<std::int32_t> labels_;
    Dataset dataset_;
};

} // namespace autosampling
