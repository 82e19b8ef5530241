// What a policy goes by: signals φ of every training example, each a function of the level that the example is at.
//
// Letters: N training examples, J weights of the policy, L levels of a signal, C classes.
#pragma once

#include "autosampling/base/column.hpp"
#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/loss_ranks.hpp"
#include "autosampling/sampling/tally.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

struct Signal {
    // What one weight of the policy multiplies.
    struct Feature {
        std::string name;        // of the weight
        double scale = 1;        // of the weight's perturbations and steps
        std::vector<double> phi; // (L)
    };
    enum class Source { loss, classes, score, count, column };
    Source source;
    std::vector<Feature> features;
    std::vector<std::uint16_t> level;    // (N)
    std::vector<std::uint32_t> examples; // (L) how many are at each level
};

// The names of the columns that `names`, as exploration.signals has them, ask for. Throws Error(usage) for a name that
// is none of loss, class, score, count, column:NAME (NAME without "=" and "/"), that comes twice, and where there is
// none at all.
std::vector<std::string> columns_of(std::span<const std::string> names);

// The name of the weight for a word of a column.
std::string word_weight(const std::string& column, const std::string& word);

// 2 bytes an example and signal, and 16 for the losses.
class Signals {
  public:
    // label (N) in 0 … C−1; `columns`, over the N examples, has those that `names` ask for. Throws as columns_of, and
    // for more than 65,536 classes.
    Signals(std::span<const std::string> names, std::span<const std::int32_t> label, std::int64_t classes,
            std::span<const Column> columns);

    const std::vector<Signal>& all() const { return signals_; }
    std::uint32_t training_images() const { return training_images_; }
    std::vector<std::string> weight_names() const; // (J)
    std::vector<double> scales() const;            // (J)
    // (J) whether φ differs between examples; else its weight is without effect.
    std::vector<std::uint8_t> vary() const;

    // Draws of a member in the round that is going on, and the loss of each: finite.
    void observe(std::span<const std::uint32_t> index, std::span<const float> loss);
    // The round is over: φ by what is known now. class_loss (C): mean on the reward set; NaN for a class without
    // examples there.
    void close_round(std::span<const double> class_loss, const Tally& tally);
    // The same by what was recorded: class_loss (C), and the levels of the losses (N); empty where they are no signal.
    void restore(std::span<const double> class_loss, std::span<const std::uint8_t> loss_level, const Tally& tally);
    std::span<const double> class_loss() const { return class_loss_; } // (C), or empty
    std::vector<std::uint8_t> loss_levels() const;                     // (N), or empty

    void save(NamedArrays& arrays) const;
    // Throws Error(checkpoint), and Error(data) that names a column with other values than those that were saved.
    void load(const NamedArrays& arrays);

  private:
    void update(std::span<const double> class_loss, const Tally& tally);
    void set_phi(Signal& signal) const;

    std::uint32_t training_images_;
    std::vector<Signal> signals_;    // in the order of the names
    LossRanks losses_;               // of no examples without `loss`
    std::vector<double> class_loss_; // (C) of the last round; NaN: not known; empty without `class`
};

} // namespace autosampling
