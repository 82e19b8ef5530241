// A network that learns next to nothing and takes a set time: with it all but training can be studied, on any number of
// ranks.
//
// Letters: B batch, C outputs, R weights of each.
#include "families.hpp"

#include "autosampling/base/random.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace autosampling {
namespace {

using at::Tensor;

class NullNetwork : public Network {
  public:
    NullNetwork(int outputs, const ModelOptions& options)
        : seconds_(options.null_seconds), jitter_(options.null_jitter),
          weight_(
              register_parameter("weight", at::zeros({outputs, (options.null_parameters + outputs - 1) / outputs}))) {}

    // The mean over an example's values times the sums of the outputs' weights, so that each step moves all of them.
    Tensor forward(const Tensor& images) override {
        if (is_training()) take_time();
        if (is_training() || !sums_.defined()) sums_ = weight_.sum(1) / std::sqrt(static_cast<double>(weight_.size(1)));
        return images.flatten(1).mean(1, /*keepdim=*/true) * sums_; // (B, C)
    }

    // Before each phase; since the last evaluation the weights may have changed.
    void train(bool on) override {
        Network::train(on);
        sums_ = Tensor();
    }

    void initialise(std::uint64_t seed) override {
        const at::NoGradGuard no_grad;
        const Tensor values = at::empty(weight_.sizes());
        const std::int64_t outputs = weight_.size(0), each = weight_.size(1);
        for (std::int64_t i = 0; i < each; ++i) {
            RandomStream stream({.seed = seed, .purpose = Purpose::initial_state}, static_cast<std::uint32_t>(i));
            for (std::int64_t output = 0; output < outputs; ++output)
                values.data_ptr<float>()[output * each + i] = static_cast<float>(2 * stream.real() - 1);
        }
        weight_.copy_(values);
    }

    bool repeats() const override { return false; } // what takes the time is on the host

  private:
    // Asleep, so that ranks that share a core don't slow each other down. The generator is the one that the trainer
    // seeds for the network, and nothing else here draws from it: time changes no number.
    void take_time() const {
        const double normal = at::randn({}).item<double>();
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds_ * std::max(0.0, 1 + jitter_ * normal)));
    }

    double seconds_, jitter_;
    Tensor weight_; // (C, R)
    Tensor sums_;   // (C) of the last batch; in an evaluation, undefined before the first one
};

} // namespace

std::vector<Architecture> null_networks() {
    const auto make_null = [](const Shape&, int outputs, const ModelOptions& options) -> std::shared_ptr<Network> {
        return std::make_shared<NullNetwork>(outputs, options);
    };
    return {{"null", 0, make_null}};
}

} // namespace autosampling
