// Real numbers in memory: gather and standardise.
#include "autosampling/data/source.hpp"

#include "autosampling/base/error.hpp"

#include <vector>

namespace autosampling {

namespace {

class ArraySource : public Source {
  public:
    ArraySource(std::span<const float> examples, const DatasetFacts& facts)
        : examples_(examples), values_(facts.shape.values()), mean_(values_), scale_(values_) {
        EXPECT(facts.mean.size() == 1 || facts.mean.size() == values_);
        for (std::size_t i = 0; i < values_; ++i) {
            mean_[i] = facts.mean[i % facts.mean.size()];
            scale_[i] = 1 / facts.std[i % facts.std.size()];
        }
    }

    void fill(std::span<const std::uint32_t> rows, const std::optional<AugmentationDraws>&,
              std::span<float> out) override {
        EXPECT(out.size() == rows.size() * values_);
        for (std::size_t b = 0; b < rows.size(); ++b) {
            const auto example = examples_.subspan(rows[b] * values_, values_);
            float* const written = out.data() + b * values_;
            for (std::size_t i = 0; i < values_; ++i)
                written[i] = static_cast<float>((example[i] - mean_[i]) * scale_[i]);
        }
    }

  private:
    std::span<const float> examples_; // (n, values)
    std::size_t values_;
    std::vector<double> mean_, scale_; // (values)
};

} // namespace

std::unique_ptr<Source> make_array_source(std::span<const float> examples, const DatasetFacts& facts) {
    return std::make_unique<ArraySource>(examples, facts);
}

} // namespace autosampling
